const SOFTWARE = /swiftshader|llvmpipe|software|basic render/i;

let known: boolean | null = null;

/** Whether the browser draws without a graphics card: then smooth edges cost more than they are worth. */
export function drawsInSoftware(): boolean {
  known ??= askRenderer();
  return known;
}

function askRenderer(): boolean {
  const gl = document.createElement("canvas").getContext("webgl2");
  const info = gl?.getExtension("WEBGL_debug_renderer_info");
  const renderer: unknown = info && gl?.getParameter(info.UNMASKED_RENDERER_WEBGL);
  gl?.getExtension("WEBGL_lose_context")?.loseContext();
  return SOFTWARE.test(String(renderer));
}
