/** M as uncompressed COCO run lengths: column-major, the first run counts zeros. */
export interface RunLengths {
  height: number;
  width: number;
  counts: readonly number[];
}

/** A rectangle in pixels of the photograph. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** A mask to draw with: alpha 255 inside, at every `step`-th pixel of the photograph, and the box around it. */
export interface MaskPicture {
  alpha: Uint8ClampedArray;
  width: number;
  height: number;
  box: Box;
}

/** Decode for the screen: no side of the picture is longer than `longest`. */
export function maskPicture({ height, width, counts }: RunLengths, longest = 2048): MaskPicture {
  const step = Math.max(1, Math.ceil(Math.max(height, width) / longest));
  const picture = { width: Math.ceil(width / step), height: Math.ceil(height / step) };
  const alpha = new Uint8ClampedArray(picture.width * picture.height);
  let [left, right, top, bottom] = [width, -1, height, -1];
  let start = 0;
  counts.forEach((count, run) => {
    const end = start + count;
    if (run % 2 === 1) {
      for (let place = start; place < end; ) {
        const column = Math.floor(place / height);
        const first = place - column * height;
        const last = Math.min(end - column * height, height) - 1;
        place = column * height + last + 1;
        left = Math.min(left, column);
        right = Math.max(right, column);
        top = Math.min(top, first);
        bottom = Math.max(bottom, last);
        if (column % step !== 0) continue;
        for (let row = Math.ceil(first / step); row * step <= last; row += 1) {
          alpha[row * picture.width + column / step] = 255;
        }
      }
    }
    start = end;
  });
  const empty = right < 0;
  const box = empty
    ? { left: 0, top: 0, width, height }
    : { left, top, width: right - left + 1, height: bottom - top + 1 };
  return { alpha, ...picture, box };
}

/** The part of a photograph to show: around `box` with a margin, in the shape of the panel, inside the photograph. */
export function cropAround(box: Box, photograph: { width: number; height: number }, aspect: number): Box {
  const margin = 0.15 * Math.max(box.width, box.height) + 8;
  let width = box.width + 2 * margin;
  let height = box.height + 2 * margin;
  if (width / height < aspect) width = height * aspect;
  else height = width / aspect;
  const shrink = Math.min(1, Math.max(photograph.width / width, photograph.height / height));
  width = Math.min(width * shrink, photograph.width);
  height = Math.min(height * shrink, photograph.height);
  const clamp = (value: number, most: number) => Math.min(Math.max(0, value), Math.max(0, most));
  return {
    left: clamp(box.left + box.width / 2 - width / 2, photograph.width - width),
    top: clamp(box.top + box.height / 2 - height / 2, photograph.height - height),
    width,
    height,
  };
}

/** Run lengths of a picture: inside is where `alpha` (row by row) is at least half. */
export function runsOf(alpha: ArrayLike<number>, width: number, height: number): number[] {
  const counts: number[] = [];
  let [inside, run] = [false, 0];
  for (let column = 0; column < width; column += 1) {
    for (let row = 0; row < height; row += 1) {
      if ((alpha[row * width + column] ?? 0) >= 128 !== inside) {
        counts.push(run);
        inside = !inside;
        run = 0;
      }
      run += 1;
    }
  }
  counts.push(run);
  return counts;
}
