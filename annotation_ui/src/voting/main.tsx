import { claimBallot, handInBallot, readBallot, undoVote, vote } from "../api/ballots";
import { heartbeat, loadDraft, saveDraft, skipWorkItem } from "../api/workItems";
import type { StepWrite } from "../selection/task/comparingDesk";
import { mountPage, person } from "../shell/page";
import type { Skip } from "../work/desk";
import { Journal } from "../work/journal";
import { type HandInWrite, VotingDesk } from "./desk";

async function post(write: StepWrite | HandInWrite | Skip) {
  switch (write.kind) {
    case "answer":
      return vote(write.workItem, write.body, write.key);
    case "undo":
      return undoVote(write.workItem, write.token, write.key);
    case "hand_in":
      await handInBallot(write.workItem, write.body, write.key);
      return null;
    case "skip":
      await skipWorkItem(write.workItem, write.body, write.key);
      return null;
  }
}

const desk = new VotingDesk({
  api: { claim: claimBallot, read: readBallot, post, heartbeat, saveDraft, loadDraft },
  journal: new Journal<StepWrite | HandInWrite | Skip, never>("voting", person(), () => null),
});
void desk.start(); // the task travels while the page, and with it three.js, loads
void import("./VotingPage").then(({ VotingPage }) => mountPage(<VotingPage desk={desk} />));
