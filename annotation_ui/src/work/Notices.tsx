import { Alert, Button, Group } from "@mantine/core";
import { useEffect, useState } from "react";
import { signIn } from "../api/client";
import type { Snapshot } from "./desk";
import classes from "./page.module.css";

/** What the person should know, above the work: lost connection, ended session, a lease that runs out. */
export function Notices({
  snapshot,
  returned,
  onDismiss,
}: {
  snapshot: Snapshot<unknown, unknown>;
  /** A task that a reviewer gave back, with their note; null: it is none. */
  returned: { workItem: string; note: string } | null;
  onDismiss: () => void;
}) {
  const [read, setRead] = useState("");
  const { connection, idle, situation, notice } = snapshot;
  return (
    <div className={classes.notices}>
      {connection === "unreachable" && (
        <Alert color="yellow" variant="outline" className={classes.notice} role="status">
          The server cannot be reached. What you did is kept on this machine and will be sent again by itself.
        </Alert>
      )}
      {connection === "signed_out" && (
        <Alert color="yellow" variant="outline" className={classes.notice} role="alert">
          <Group gap="md">
            You have been signed out. What you did is kept on this machine; sign in and it goes on here.
            <Button size="compact-sm" onClick={signIn}>
              Sign in
            </Button>
          </Group>
        </Alert>
      )}
      {idle && situation.kind === "working" && (
        <Alert color="yellow" variant="outline" className={classes.notice} role="status">
          <IdleText leaseEndsAt={snapshot.leaseEndsAt} />
        </Alert>
      )}
      {returned && read !== returned.workItem && (
        <Alert
          color="yellow"
          variant="outline"
          className={classes.notice}
          role="status"
          title="A reviewer asks you to do this one again"
          withCloseButton
          closeButtonLabel="Close the note"
          onClose={() => setRead(returned.workItem)}
        >
          {returned.note}
        </Alert>
      )}
      {notice && (
        <Alert
          color="yellow"
          variant="outline"
          className={classes.notice}
          role="alert"
          withCloseButton
          closeButtonLabel="Close the notice"
          onClose={onDismiss}
        >
          {notice}
        </Alert>
      )}
    </div>
  );
}

function IdleText({ leaseEndsAt }: { leaseEndsAt: number }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const ticking = window.setInterval(() => setNow(Date.now()), 1000);
    return () => window.clearInterval(ticking);
  }, []);
  const left = Math.max(0, Math.round((leaseEndsAt - now) / 1000));
  const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  return left > 0
    ? `Still there? Move or press anything. Without a sign of you, others may take this task in ${clock}; what you did stays stored.`
    : "Your time on this task ran out, but it may still be yours: move or press anything to take it up again.";
}
