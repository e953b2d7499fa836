import { claimAlignment, submitAlignment } from "../api/alignments";
import { heartbeat, loadDraft, saveDraft, skipWorkItem } from "../api/workItems";
import { mountPage, person } from "../shell/page";
import type { Skip } from "../work/desk";
import { Journal } from "../work/journal";
import { readDraft } from "./task/alignmentState";
import { AlignmentDesk, type AlignmentWrite } from "./task/desk";

function post(write: AlignmentWrite | Skip): Promise<void> {
  return write.kind === "skip"
    ? skipWorkItem(write.workItem, write.body, write.key)
    : submitAlignment(write.workItem, write.body, write.key);
}

const desk = new AlignmentDesk({
  api: { claim: claimAlignment, post, heartbeat, saveDraft, loadDraft },
  journal: new Journal("alignment", person(), readDraft),
});
void desk.start(); // the task travels while the page, and with it three.js, loads
void import("./AlignmentPage").then(({ AlignmentPage }) => mountPage(<AlignmentPage desk={desk} />));
