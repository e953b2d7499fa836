import { answerPair, claimSelection, readSelection, submitSelection, undoAnswer } from "../api/selections";
import { heartbeat, loadDraft, saveDraft, skipWorkItem } from "../api/workItems";
import { mountPage, person } from "../shell/page";
import type { Skip } from "../work/desk";
import { Journal } from "../work/journal";
import { SelectionPage } from "./SelectionPage";
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
void desk.start();
mountPage(<SelectionPage desk={desk} />);
