/** A command that a key calls. `contexts` are the situations of the page in which it may be called. */
export interface Command {
  id: string;
  label: string;
  contexts: readonly string[];
  /** Called again and again while the key is held. */
  repeats?: boolean;
  /** Default combination, such as `ArrowLeft` or `Shift+KeyA`: places on the keyboard, whatever its language. */
  combo: string;
}

/** Combination by command id. */
export type Bindings = Readonly<Record<string, string>>;

/** What the browser or the keyboard needs for itself. */
const RESERVED = new Set(["Tab", "Shift+Tab", "Escape", "F1", "F5", "F11", "F12"]);

/** What was pressed, or null for a modifier alone and for combinations that belong to browser and system. */
export function comboOf(
  event: Pick<KeyboardEvent, "code" | "shiftKey" | "ctrlKey" | "altKey" | "metaKey">,
): string | null {
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  if (event.code === "" || /^(Shift|Control|Alt|Meta)/.test(event.code)) return null;
  const code = event.code === "NumpadEnter" ? "Enter" : event.code.replace(/^Numpad(\d)$/, "Digit$1");
  return event.shiftKey ? `Shift+${code}` : code;
}

const NAMES: Record<string, string> = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Enter: "⏎",
  Space: "Space",
  Equal: "+",
  Minus: "−",
  Slash: "/",
  BracketLeft: "[",
  BracketRight: "]",
  Home: "Home",
};

/** The combination as it stands on a button. */
export function keyName(combo: string): string {
  const shift = combo.startsWith("Shift+");
  const code = shift ? combo.slice("Shift+".length) : combo;
  const name = NAMES[code] ?? code.replace(/^(Key|Digit)/, "");
  return shift ? `⇧${name}` : name;
}

/** The combinations that the commands come with. */
export function defaultBindings(commands: readonly Command[]): Bindings {
  return Object.fromEntries(commands.map((command) => [command.id, command.combo]));
}

/** The command that a combination calls in this situation. */
export function commandFor(
  commands: readonly Command[],
  bindings: Bindings,
  combo: string,
  context: string,
): Command | undefined {
  return commands.find((command) => bindings[command.id] === combo && command.contexts.includes(context));
}

/** Pairs of commands that one combination would call in the same situation. */
export function conflicts(commands: readonly Command[], bindings: Bindings): [Command, Command][] {
  return commands.flatMap((command, index) =>
    commands
      .slice(index + 1)
      .filter(
        (other) =>
          bindings[other.id] === bindings[command.id] &&
          other.contexts.some((context) => command.contexts.includes(context)),
      )
      .map((other): [Command, Command] => [command, other]),
  );
}

/** The bindings with `combo` on `id`, or why that cannot be. */
export function rebind(
  commands: readonly Command[],
  bindings: Bindings,
  id: string,
  combo: string,
): { bindings: Bindings } | { refused: string } {
  if (RESERVED.has(combo)) return { refused: `${keyName(combo)} belongs to the browser.` };
  const changed = { ...bindings, [id]: combo };
  const clash = conflicts(commands, changed).find((pair) => pair.some((command) => command.id === id));
  if (clash) {
    const other = clash[0].id === id ? clash[1] : clash[0];
    return { refused: `${keyName(combo)} is taken by “${other.label}”.` };
  }
  return { bindings: changed };
}

/** What a person has changed, laid over the commands' own keys; the defaults where it no longer fits. */
export function ownBindings(commands: readonly Command[], changed: unknown): Bindings {
  const defaults = defaultBindings(commands);
  if (typeof changed !== "object" || changed === null) return defaults;
  const own = Object.entries(changed).filter(([id, combo]) => id in defaults && typeof combo === "string");
  const bindings = { ...defaults, ...Object.fromEntries(own) };
  return conflicts(commands, bindings).length === 0 ? bindings : defaults;
}

/** What differs from the defaults. */
export function changedBindings(commands: readonly Command[], bindings: Bindings): Record<string, string> {
  return Object.fromEntries(
    commands.flatMap(({ id, combo }) => {
      const own = bindings[id] ?? combo;
      return own === combo ? [] : [[id, own]];
    }),
  );
}
