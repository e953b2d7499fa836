import { answerPair, claimSelection, readSelection, submitSelection, undoAnswer } from "../api/selections";
import { heartbeat, loadDraft, saveDraft, skipWorkItem } from "../api/workItems";
import { mountPage, person } from "../shell/page";
import { SelectionPage } from "./SelectionPage";
import { Desk } from "./task/desk";
import { Journal, type Write } from "./task/journal";

async function post(write: Write) {
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

const desk = new Desk({
  api: { claim: claimSelection, read: readSelection, post, heartbeat, saveDraft, loadDraft },
  journal: new Journal(person(), localStorage),
});
void desk.start();
mountPage(<SelectionPage desk={desk} />);
