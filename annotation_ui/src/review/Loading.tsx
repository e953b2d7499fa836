import { Alert, Button, Group, Skeleton } from "@mantine/core";

interface Props {
  query: { error: Error | null; refetch: () => unknown };
}

/** The place of a judgement that is on its way, or why it did not come. */
export function Loading({ query }: Props) {
  if (query.error === null) return <Skeleton flex={1} />;
  return (
    <Alert color="red" variant="outline" title="The judgement did not load" role="alert">
      <Group gap="md">
        {query.error.message}
        <Button size="compact-sm" variant="default" onClick={() => query.refetch()}>
          Try again
        </Button>
      </Group>
    </Alert>
  );
}
