import { answerPair, claimSelection, readSelection, submitSelection, undoAnswer } from "../api/selections";
import { heartbeat, loadDraft, saveDraft, skipWorkItem } from "../api/workItems";
import { mountPage, person } from "../shell/page";
import type { Skip } from "../work/desk";
import { Journal } from "../work/journal";
import { SelectionDesk, type SelectionWrite } from "./task/desk";
import { readDraft } from "./task/taskState";

async function post(write: SelectionWrite | Skip) {
  switch (write.kind) {
    case "answer":
      return answerPair(write.workItem, write.body, write.key);
    case "undo":
      return undoAnswer(write.workItem, write.token, write.key);
    case "submit":
      await submitSelection(write.workItem, write.body, write.key);
      return null;
    case "skip":
      await skipWorkItem(write.workItem, write.body, write.key);
      return null;
  }
}

const desk = new SelectionDesk({
  api: { claim: claimSelection, read: readSelection, post, heartbeat, saveDraft, loadDraft },
  journal: new Journal("selection", person(), readDraft),
});
void desk.start(); // the task travels while the page, and with it three.js, loads
void import("./SelectionPage").then(({ SelectionPage }) => mountPage(<SelectionPage desk={desk} />));
