import { Badge, Text } from "@mantine/core";
import type { AlignmentTask } from "../api/alignments";
import classes from "./About.module.css";

/** What the object is, and how far its points can be trusted. It keeps its place while a task is on its way. */
export function About({ task }: { task: AlignmentTask | null }) {
  return (
    <div className={classes.about}>
      <Text size="sm" truncate title={task ? `${task.category} ${task.description}` : ""}>
        <Text span inherit fw={600}>
          {task ? task.category || "an object" : "\u00a0"}
        </Text>{" "}
        <Text span inherit c="dimmed">
          {task?.description}
        </Text>
      </Text>
      {task && <Points task={task} />}
    </div>
  );
}

function Points({ task: { point_map, inlier_tolerance } }: { task: AlignmentTask }) {
  if (inlier_tolerance === null)
    return (
      <Badge color="yellow" variant="filled" tt="none" className={classes.badge}>
        no points on the target
      </Badge>
    );
  if (point_map.source === "prior")
    return (
      <Badge
        color="yellow"
        variant="filled"
        tt="none"
        className={classes.badge}
        title="Nobody measured these depths: trust the outline."
      >
        points: coarse guess
      </Badge>
    );
  return (
    <Badge variant="default" tt="none" fw={500} className={classes.badge}>
      points: {point_map.source}, {point_map.scale === "metric" ? "in metres" : "relative scale"}
    </Badge>
  );
}
