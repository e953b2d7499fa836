import {
  ActionIcon,
  Anchor,
  Badge,
  Button,
  Group,
  Text,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import type { ReactNode } from "react";
import { csrfToken } from "../api/client";
import type { Me } from "../api/me";
import classes from "./Header.module.css";

const ROLE_NAMES: Record<string, string> = {
  annotator: "annotator",
  reviewer: "reviewer",
  artist: "3D artist",
  ml_engineer: "ML engineer",
  admin: "admin",
};

interface Props {
  place: string;
  me: Me | undefined;
  /** How the work on this page stands. */
  children?: ReactNode;
}

/** The line on top of every page: where I am, how it goes, who I am, light or dark, out. */
export function Header({ place, me, children }: Props) {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("dark");
  const other = scheme === "dark" ? "light" : "dark";
  const engineer = me?.roles.some((role) => role === "ml_engineer" || role === "admin") ?? false;
  const reviewer = me?.roles.some((role) => role === "reviewer" || role === "admin") ?? false;
  return (
    <header className={classes.header}>
      <Group gap="sm" wrap="nowrap">
        <Anchor href="/" className={classes.name} underline="never">
          Lathe
        </Anchor>
        <Text c="dimmed" aria-hidden>
          ▸
        </Text>
        <Text>{place}</Text>
      </Group>
      {children}
      <Group gap="sm" wrap="nowrap">
        {me && (
          <Group gap="xs" className={classes.person} wrap="nowrap">
            <Text fw={600}>{me.username}</Text>
            {me.roles.map((role) => (
              <Badge key={role} variant="default" tt="none" fw={500}>
                {ROLE_NAMES[role] ?? role}
              </Badge>
            ))}
          </Group>
        )}
        {reviewer && (
          <Button component="a" href="/review/" variant="default" size="compact-md">
            Review
          </Button>
        )}
        {engineer && (
          <>
            <Button component="a" href="/curriculum/" variant="default" size="compact-md">
              Curriculum
            </Button>
            <Button component="a" href="/evaluations/" variant="default" size="compact-md">
              Evaluations
            </Button>
            <Button component="a" href="/admin/" variant="default" size="compact-md">
              Dashboard
            </Button>
          </>
        )}
        <ActionIcon
          variant="default"
          size="md"
          aria-label={`Switch to the ${other} theme`}
          title={`Switch to the ${other} theme`}
          onClick={() => setColorScheme(other)}
        >
          {scheme === "dark" ? "☀" : "☾"}
        </ActionIcon>
        <form action="/accounts/logout/" method="post">
          <input type="hidden" name="csrfmiddlewaretoken" value={csrfToken()} />
          <Button type="submit" variant="default" size="compact-md">
            Sign out
          </Button>
        </form>
      </Group>
    </header>
  );
}
