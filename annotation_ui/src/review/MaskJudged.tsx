import { Text } from "@mantine/core";
import { type JudgedMask, useJudgedMask } from "../api/reviews";
import type { PhotoMode } from "../photograph/draw";
import { Photograph } from "../photograph/Photograph";
import { Loading } from "./Loading";

interface Props {
  workItem: string;
  photoMode: PhotoMode;
  /** What the person was shown, instead of what they made of it. */
  proposal: boolean;
}

const VERDICTS: Record<JudgedMask["verdict"], string> = {
  verify: "Let stand as proposed",
  refine: "Drawn anew",
  discard: "Discarded",
  propose: "Marked from scratch",
};

/** A Stage 1 judgement on its photograph, outlined as the annotator had it. */
export function MaskJudged({ workItem, photoMode, proposal }: Props) {
  const judged = useJudgedMask(workItem);
  if (!judged.data) return <Loading query={judged} />;
  const { image, mask, shown, category, shown_category: before, verdict, discard_reason } = judged.data;
  const answer = !proposal && mask !== null;
  return (
    <>
      <Photograph
        key={image.url}
        image={image}
        mask={answer ? mask : shown}
        mode={photoMode}
        label={`Photograph; outlined: ${answer ? "the answer" : "the proposal"}`}
      />
      <Text mt="xs">
        {VERDICTS[verdict]}
        {discard_reason && `: ${discard_reason.replaceAll("_", " ")}`}
        {category && ` · ${category}`}
        {before && before !== category && ` (was ${before})`}
      </Text>
      <Text size="sm" c="dimmed">
        Outlined: {answer ? "the answer" : "the proposal"}
      </Text>
    </>
  );
}
