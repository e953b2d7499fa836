import { useCallback, useState } from "react";
import type { Bindings } from "../keys/bindings";
import { WorkFrame } from "../work/WorkFrame";
import { act } from "./actions";
import type { Offer } from "./assistance";
import { COMMANDS, type CommandId, type Context, PRESETS, takesHold } from "./commands";
import { NotAlignableDialog } from "./NotAlignableDialog";
import { type Display, keepDisplay, loadDisplay } from "./scene/display";
import type { Stage } from "./scene/stage";
import type { Aid, AlignmentState } from "./task/alignmentState";
import type { AlignmentDesk } from "./task/desk";
import { useEscape } from "./useEscape";
import { Work } from "./Work";

/** Stage 3: the desk on the page, with every command on a key. */
export function AlignmentPage({ desk }: { desk: AlignmentDesk }) {
  const [dialog, setDialog] = useState<"not_alignable" | "guide" | null>(null);
  const [display, setWholeDisplay] = useState(loadDisplay);
  const [stage, setStage] = useState<Stage | null>(null);
  const [offer, setOffer] = useState<Offer | null>(null);
  const [asking, setAsking] = useState<Aid | null>(null);

  const setDisplay = useCallback((change: Partial<Display>) => {
    setWholeDisplay((before) => keepDisplay(change, before));
  }, []);
  const onCommand = useCallback(
    (id: string, state: AlignmentState | null, bindings: Bindings) => {
      const command = id as CommandId;
      if (command === "not_alignable" || command === "guide") return setDialog(command);
      const followsKeys = takesHold(bindings);
      const aids = { desk, stage, state, offer: offerTo(state, offer), setOffer, setAsking };
      act(command, { ...aids, display, setDisplay, followsKeys });
    },
    [desk, stage, display, setDisplay, offer],
  );
  const contextOf = (state: AlignmentState): Context => {
    if (dialog !== null) return "dialog";
    return offerTo(state, offer) ? "choose" : "place";
  };

  return (
    <WorkFrame
      page="alignment"
      stage="alignment"
      place="Stage 3 · Alignment"
      desk={desk}
      commands={COMMANDS}
      presets={PRESETS}
      contextOf={contextOf}
      onCommand={onCommand}
      emptyTitle="Nothing waits to be placed"
      emptyText="Every accepted shape is placed, in other people's hands, or was skipped by you. New ones arrive as shapes pass the bar; this page looks again every 15 seconds and goes on by itself."
    >
      {({ state, snapshot, run, notices }) => (
        <>
          <EscapeKey
            active={dialog === null && state !== null}
            callOff={() => (offerTo(state, offer) ? run("choose_none") : stage?.putDown({ back: true }))}
          />
          <Work
            state={state}
            next={snapshot.next}
            desk={desk}
            stage={stage}
            onStage={setStage}
            display={display}
            onDisplay={setDisplay}
            offer={offerTo(state, offer)}
            asking={asking}
            guide={dialog === "guide"}
            onGuide={(shown) => setDialog(shown ? "guide" : null)}
            run={run}
          >
            {notices}
          </Work>
          <NotAlignableDialog
            opened={dialog === "not_alignable"}
            onClose={() => setDialog(null)}
            onRefuse={(reason) => {
              setDialog(null);
              void desk.refuse(reason);
            }}
          />
        </>
      )}
    </WorkFrame>
  );
}

/** Escape calls off what was begun, whatever the person's own keys are. */
function EscapeKey(props: { active: boolean; callOff: () => void }) {
  useEscape(props.active, props.callOff);
  return null;
}

/** Proposals count for the task that they were made for. */
function offerTo(state: AlignmentState | null, offer: Offer | null): Offer | null {
  return offer?.workItem === state?.task.work_item ? offer : null;
}
