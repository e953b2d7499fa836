import { Boxing } from "./box";
import { Brush } from "./brush";
import { Hand } from "./hand";
import { Pointing } from "./point";
import { Polygon } from "./polygon";
import type { Tool, ToolName } from "./tool";

/** A tool of its own for each time that it is taken up. */
export function makeTool(name: ToolName): Tool {
  switch (name) {
    case "point":
      return new Pointing();
    case "box":
      return new Boxing();
    case "brush":
      return new Brush(true);
    case "eraser":
      return new Brush(false);
    case "polygon":
      return new Polygon();
    case "hand":
      return new Hand();
  }
}
