/** A photograph as it loads: a preview first where there is one; the whole of it only when somebody looks closely. */
export class LoadedPhotograph {
  #whole: HTMLImageElement | null = null;
  #loading: Promise<void> | null = null;

  private constructor(
    readonly width: number,
    readonly height: number,
    private readonly first: HTMLImageElement,
    private readonly url: string | null,
  ) {}

  static async load(image: {
    url: string;
    preview_url: string | null;
    width: number;
    height: number;
  }): Promise<LoadedPhotograph> {
    const first = await decoded(image.preview_url ?? image.url);
    return new LoadedPhotograph(
      image.width,
      image.height,
      first,
      image.preview_url === null ? null : image.url,
    );
  }

  /** The best picture there is. With `scale` screen pixels for one of the photograph, a better one may be sent for. */
  picture(scale: number, onBetter: () => void): HTMLImageElement {
    const enough = this.first.naturalWidth >= this.width * Math.min(1, scale);
    if (this.#whole === null && this.url !== null && !enough) this.#sendFor(this.url, onBetter);
    return this.#whole ?? this.first;
  }

  #sendFor(url: string, onBetter: () => void): void {
    this.#loading ??= decoded(url).then(
      (whole) => {
        this.#whole = whole;
        onBetter();
      },
      () => {
        this.#loading = null; // the preview stays; it is tried again with the next look
      },
    );
  }
}

async function decoded(url: string): Promise<HTMLImageElement> {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  return picture;
}
