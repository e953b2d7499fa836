import { PHOTO_MODES, type PhotoMode } from "../photograph/draw";
import type { Stage } from "./scene/stage";

const TURN_RADIANS = Math.PI / 24;
const CLOSER_PER_PRESS = 1.15;

/** Carry out a command of looking; false where it is none. */
export function look(
  command: string,
  stage: Stage | null,
  onPhotoMode: (next: (mode: PhotoMode) => PhotoMode) => void,
): boolean {
  switch (command) {
    case "photo":
      onPhotoMode((mode) => PHOTO_MODES[(PHOTO_MODES.indexOf(mode) + 1) % PHOTO_MODES.length] ?? mode);
      return true;
    case "rotation":
      stage?.setRotating(!stage.state().rotating);
      return true;
    case "linked":
      stage?.setLinked(!stage.state().linked);
      return true;
    case "turn_left":
      stage?.turn(-TURN_RADIANS, 0);
      return true;
    case "turn_right":
      stage?.turn(TURN_RADIANS, 0);
      return true;
    case "turn_up":
      stage?.turn(0, TURN_RADIANS);
      return true;
    case "turn_down":
      stage?.turn(0, -TURN_RADIANS);
      return true;
    case "closer":
      stage?.closer(CLOSER_PER_PRESS);
      return true;
    case "farther":
      stage?.closer(1 / CLOSER_PER_PRESS);
      return true;
    case "start_view":
      stage?.startView();
      return true;
    default:
      return false;
  }
}
