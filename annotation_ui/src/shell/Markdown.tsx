import { Typography } from "@mantine/core";
import ReactMarkdown from "react-markdown";
import remarkGfm from "remark-gfm";
import classes from "./Markdown.module.css";

/** Markdown from the server as elements: no HTML in it is taken over. */
export function Markdown({ text }: { text: string }) {
  return (
    <Typography className={classes.text}>
      <ReactMarkdown remarkPlugins={[remarkGfm]}>{text}</ReactMarkdown>
    </Typography>
  );
}
