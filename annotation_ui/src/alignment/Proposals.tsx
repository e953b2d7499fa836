import { Text } from "@mantine/core";
import { useContext, useEffect, useRef } from "react";
import { BindingsContext, HotButton } from "../keys/HotButton";
import { KeyHint } from "../keys/KeyHint";
import type { Offer } from "./assistance";
import classes from "./Proposals.module.css";
import type { Stage } from "./scene/stage";

/** Twice as large as it is shown, so that outlines are fine. */
const PICTURE = { width: 480, height: 360 } as const;

/** Other poses to choose from, each as it would look in the photograph. */
export function Proposals({ offer, stage, run }: { offer: Offer; stage: Stage; run: (id: string) => void }) {
  return (
    <section className={classes.proposals} aria-label="Other poses">
      <div className={classes.cards}>
        {offer.proposals.map(({ pose, scores }, index) => (
          <Card
            // biome-ignore lint/suspicious/noArrayIndexKey: proposals neither come nor go while they are on show
            key={index}
            number={index + 1}
            scores={scores}
            draw={() => stage.picture(pose, PICTURE)}
            run={run}
          />
        ))}
      </div>
      <div className={classes.end}>
        <Text size="sm">Which one is nearest? It can be undone.</Text>
        <HotButton size="compact-sm" command="choose_none" run={run}>
          None of them
        </HotButton>
      </div>
    </section>
  );
}

function Card({
  number,
  scores,
  draw,
  run,
}: {
  number: number;
  scores: Offer["proposals"][number]["scores"];
  draw: () => Promise<ImageData | null>;
  run: (id: string) => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const command = `choose${number}`;
  const combo = useContext(BindingsContext)[command];
  // biome-ignore lint/correctness/useExhaustiveDependencies: drawn once: a proposal does not change
  useEffect(() => {
    void draw().then((picture) => {
      if (!picture || !canvas.current) return;
      canvas.current.getContext("2d")?.putImageData(picture, 0, 0);
      canvas.current.dataset.drawn = "true";
    });
  }, []);
  return (
    <button
      type="button"
      className={classes.card}
      aria-label={`Proposal ${number}`}
      onMouseDown={(event) => event.preventDefault()}
      onClick={() => run(command)}
    >
      <canvas ref={canvas} {...PICTURE} className={classes.picture} />
      <span className={classes.scores}>
        {combo && <KeyHint combo={combo} />}
        <span>outline {scores.silhouetteIou?.toFixed(2) ?? "–"}</span>
        <span>points {scores.inlierShare?.toFixed(2) ?? "–"}</span>
      </span>
    </button>
  );
}
