import { Paper, Table, Text, Title } from "@mantine/core";
import type { Me } from "../api/me";
import { agreementText } from "./agreement";
import classes from "./Day.module.css";
import { labelOf } from "./stages";

/** How often I and others say the same, by stage. Not a ranking: it tells where the guidelines are worth another look. */
export function MyAgreement({ me }: { me: Me }) {
  const stages = Object.entries(me.agreement);
  if (!me.roles.includes("annotator") && stages.length === 0) return null;
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="my-agreement">
      <Title order={2} size="h4" id="my-agreement">
        My agreement
      </Title>
      <Text size="sm" c="dimmed" mt={4}>
        Now and then somebody else gets the same task, or you get one whose answer is known. This is how often
        you said the same, up to yesterday.
      </Text>
      {stages.length === 0 ? (
        <Text c="dimmed" mt="xs">
          Nothing to compare yet.
        </Text>
      ) : (
        <Table className={classes.table} verticalSpacing={4} horizontalSpacing="sm">
          <Table.Tbody>
            {stages.map(([stage, agreed]) => (
              <Table.Tr key={stage}>
                <Table.Th scope="row">{labelOf(stage)}</Table.Th>
                <Table.Td>{agreementText(agreed)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Paper>
  );
}
