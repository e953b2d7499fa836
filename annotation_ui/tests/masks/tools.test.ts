import { describe, expect, it } from "vitest";
import { makeTool } from "../../src/masks/tools";
import type { Bench, Tool, Touch } from "../../src/masks/tools/tool";
import { area, contains, emptyMask, type Mask } from "../../src/photograph/columns";

/** A bench of 100 × 80 pixels that notes what a tool did to it. */
class Notes implements Bench {
  mask: Mask = emptyMask(100, 80);
  radius = 4;
  scale = 1;
  readonly said: unknown[] = [];
  previews = 0;

  preview(): void {
    this.previews += 1;
  }
  draw(mask: Mask): void {
    this.mask = mask;
    this.said.push("draw");
  }
  click(click: unknown): void {
    this.said.push(click);
  }
  stroke(stroke: unknown): void {
    this.said.push(stroke);
  }
  box(box: unknown): void {
    this.said.push(box);
  }
  pan(): void {}
}

const at = (x: number, y: number, negative = false): Touch => ({ x, y, negative });

function drag(tool: Tool, bench: Bench, from: Touch, ...path: Touch[]): void {
  tool.down(from, bench);
  for (const touch of path) tool.move(touch, bench, true);
  tool.up(path.at(-1) ?? from, bench);
}

describe("the tools", () => {
  it("brush and eraser change the mask once a drag, and each other's way with Shift", () => {
    const bench = new Notes();
    drag(makeTool("brush"), bench, at(20, 20), at(40, 20));
    expect(bench.said).toEqual(["draw"]);
    expect(contains(bench.mask, 30, 20)).toBe(true);
    drag(makeTool("brush"), bench, at(30, 20, true));
    expect(contains(bench.mask, 30, 20)).toBe(false);
    expect(contains(bench.mask, 38, 20)).toBe(true);
    drag(makeTool("eraser"), bench, at(30, 20, true));
    expect(contains(bench.mask, 30, 20)).toBe(true);
    expect(bench.previews).toBeGreaterThan(3);
  });

  it("a brush that was cancelled changes nothing", () => {
    const bench = new Notes();
    const brush = makeTool("brush");
    brush.down(at(20, 20), bench);
    brush.cancel();
    brush.up(at(20, 20), bench);
    expect(area(bench.mask)).toBe(0);
  });

  it("pointing is a click while it stays, a line when it moves", () => {
    const bench = new Notes();
    drag(makeTool("point"), bench, at(20, 20), at(22, 21));
    drag(makeTool("point"), bench, at(20, 20, true), at(30, 20), at(40, 25));
    expect(bench.said).toEqual([
      { x: 22, y: 21, positive: true },
      {
        points: [
          { x: 20, y: 20 },
          { x: 30, y: 20 },
          { x: 40, y: 25 },
        ],
        radius: 3,
        positive: false,
      },
    ]);
  });

  it("a box comes from a drag in any direction or from two clicks, inside the photograph", () => {
    const bench = new Notes();
    const tool = makeTool("box");
    drag(tool, bench, at(60, 50), at(20, -10));
    drag(tool, bench, at(10, 10));
    expect(tool.sketch).not.toBeNull();
    tool.move(at(30, 30), bench, false);
    drag(tool, bench, at(120, 40));
    expect(bench.said).toEqual([
      { left: 20, top: 0, right: 60, bottom: 50 },
      { left: 10, top: 10, right: 100, bottom: 40 },
    ]);
    expect(tool.sketch).toBeNull();
  });

  it("a polygon closes on its first corner or when it is finished, and cuts out when begun with Shift", () => {
    const bench = new Notes();
    const square = [at(10, 10), at(50, 10), at(50, 50), at(10, 50)];
    const tool = makeTool("polygon");
    for (const corner of square) drag(tool, bench, corner);
    drag(tool, bench, at(12, 11));
    expect(area(bench.mask)).toBe(1600);
    drag(tool, bench, at(20, 20, true));
    for (const corner of [at(30, 20), at(30, 30), at(20, 30)]) drag(tool, bench, corner);
    expect(tool.finish?.(bench)).toBe(true);
    expect(area(bench.mask)).toBe(1500);
    expect(contains(bench.mask, 25, 25)).toBe(false);
    expect(tool.finish?.(bench)).toBe(false);
  });
});
