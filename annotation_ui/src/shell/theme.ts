import {
  Alert,
  Button,
  type CSSVariablesResolver,
  createTheme,
  type MantineColorsTuple,
  Modal,
} from "@mantine/core";

// One accent for "what you do next"; green, amber and red are kept for meaning.
const accent: MantineColorsTuple = [
  "#e7f6fb",
  "#d3e9f2",
  "#a6d3e5",
  "#77bcd8",
  "#52a9cd",
  "#3b9dc6",
  "#2e97c4",
  "#1f84ad",
  "#0f759c",
  "#00658a",
];

export const theme = createTheme({
  primaryColor: "accent",
  colors: { accent },
  primaryShade: { light: 8, dark: 5 },
  autoContrast: true,
  luminanceThreshold: 0.25, // the accent of the dark theme takes dark letters: white ones were too faint
  fontFamily: "Inter, 'Segoe UI', system-ui, -apple-system, 'Liberation Sans', sans-serif",
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.25rem" },
  spacing: { xs: "0.25rem", sm: "0.5rem", md: "1rem", lg: "1.5rem", xl: "2rem" },
  defaultRadius: "sm",
  respectReducedMotion: true,
  components: {
    Alert: Alert.extend({ styles: { label: { color: "var(--mantine-color-text)" } } }), // the frame tells its colour
    Modal: Modal.extend({ defaultProps: { closeButtonProps: { "aria-label": "Close" } } }),
    Button: Button.extend({
      vars: (_, { variant = "filled", color }) => ({
        // Mantine takes the contrast of the light theme's shade for both themes.
        root:
          variant === "filled" && !color ? { "--button-color": "var(--mantine-primary-color-contrast)" } : {},
      }),
    }),
  },
});

/** Quiet text is read all day, too: 4.5 to 1 on every ground. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  dark: { "--mantine-color-dimmed": "#a3a8ae" },
  light: { "--mantine-color-dimmed": "#596067" },
});
