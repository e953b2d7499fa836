import { Button, type ButtonProps } from "@mantine/core";
import { createContext, type ReactNode, useContext } from "react";
import type { Bindings } from "./bindings";
import { KeyHint } from "./KeyHint";

/** The keys in force on this page. */
export const BindingsContext = createContext<Bindings>({});

interface Props extends ButtonProps {
  /** Id of the command that it calls. */
  command: string;
  run: (id: string) => void;
  children: ReactNode;
  pressed?: boolean;
  title?: string;
}

/** A button that calls a command and shows its key. A click leaves the focus where it was, and so the keys working. */
export function HotButton({ command, run, children, pressed, ...button }: Props) {
  const combo = useContext(BindingsContext)[command];
  return (
    <Button
      variant={pressed ? "light" : "default"}
      {...button}
      aria-pressed={pressed}
      rightSection={combo && <KeyHint combo={combo} />}
      onMouseDown={(event) => event.preventDefault()}
      onClick={() => run(command)}
    >
      {children}
    </Button>
  );
}
