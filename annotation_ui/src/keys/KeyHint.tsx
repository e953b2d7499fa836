import { keyName } from "./bindings";
import classes from "./KeyHint.module.css";

/** The key of a command, as it stands on its button. */
export function KeyHint({ combo }: { combo: string }) {
  return (
    <kbd className={classes.key} aria-hidden>
      {keyName(combo)}
    </kbd>
  );
}
