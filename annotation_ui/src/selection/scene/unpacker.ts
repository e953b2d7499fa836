import binary from "three/addons/libs/draco/gltf/draco_decoder.wasm?url";
import wrapper from "three/addons/libs/draco/gltf/draco_wasm_wrapper.js?url";
import { DRACOLoader } from "three/addons/loaders/DRACOLoader.js";

/** As many shapes as are unpacked at once, each by a thread beside the page's. */
const THREADS = 2;

/** Unpacks shapes that Draco packed (`engine/meshes/packing.py`). */
export function unpacker(): DRACOLoader {
  const loader = new DRACOLoader();
  loader.setDecoderPath({ js: wrapper, wasm: binary });
  loader.setWorkerLimit(THREADS);
  return loader;
}
