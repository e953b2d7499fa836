import { Alert, Button, Container, Group, Skeleton, Stack, Title } from "@mantine/core";
import { useFlywheelStatus } from "../api/flywheel";
import { useMe } from "../api/me";
import { Header } from "../shell/Header";
import { Day } from "./Day";
import { Iteration } from "./Iteration";
import { MyAgreement } from "./MyAgreement";
import { Waiting } from "./Waiting";

/** The first page after signing in: what waits for me, my day, and where the flywheel stands. */
export function Home() {
  const me = useMe();
  const flywheel = useFlywheelStatus();
  const failure = me.error ?? flywheel.error;
  return (
    <>
      <Header place="Home" me={me.data} />
      <Container size="xl" py="lg" component="main">
        <Stack gap="lg">
          {failure && (
            <Alert variant="outline" color="red" title="The server could not be asked" role="alert">
              <Group gap="md">
                {failure.message}
                <Button
                  variant="default"
                  size="compact-sm"
                  onClick={() => void Promise.all([me.refetch(), flywheel.refetch()])}
                >
                  Try again
                </Button>
              </Group>
            </Alert>
          )}
          <section aria-labelledby="waiting" hidden={me.isError && !me.data}>
            <Title order={2} size="h4" mb="sm" id="waiting">
              Waiting now
            </Title>
            {me.data ? <Waiting me={me.data} /> : me.isPending && <Skeleton height={148} />}
          </section>
          {me.data ? <Day me={me.data} /> : me.isPending && <Skeleton height={56} />}
          {me.data && <MyAgreement me={me.data} />}
          {flywheel.data ? (
            <Iteration status={flywheel.data} />
          ) : (
            flywheel.isPending && <Skeleton height={120} />
          )}
        </Stack>
      </Container>
    </>
  );
}
