import {
  Box3,
  BufferAttribute,
  BufferGeometry,
  type Material,
  Mesh,
  type Object3D,
  type Texture,
} from "three";
import { type GLTF, GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { mergeGeometries } from "three/addons/utils/BufferGeometryUtils.js";
import { creasesOf } from "./creases";
import type { Exhibit } from "./exhibit";

const CREASE_RADIANS = (40 * Math.PI) / 180;
/** Beyond this many faces the surface is fine enough for smooth normals, and corners would cost too much memory. */
const MOST_CREASED_FACES = 60_000;

const loader = new GLTFLoader();
/** How a glTF says that its shape is packed; its text comes first in the file. */
const PACKED = "KHR_draco_mesh_compression";
const HEADER_BYTES = 20;

/** Read the bare shape of a GLB: whatever its materials are, it is made of `clay`. */
export async function readShape(glb: ArrayBuffer, clay: Material): Promise<Exhibit> {
  const shape = await readGeometry(glb);
  const bottom = shape.boundingBox?.min.y ?? -0.5;
  return { object: new Mesh(shape, clay), bottom, dispose: () => shape.dispose() };
}

/** All meshes of a GLB as one, with their normals and bounds, and without their materials. */
export async function readGeometry(glb: ArrayBuffer): Promise<BufferGeometry> {
  const gltf = await parse(glb);
  const meshes: Mesh[] = [];
  gltf.scene.updateMatrixWorld(true);
  gltf.scene.traverse((node) => {
    if (node instanceof Mesh) meshes.push(node);
  });
  const shapes = await Promise.all(meshes.map(shapeOf));
  disposeOf(gltf);
  const shape = shapes.length === 1 ? shapes[0] : mergeGeometries(shapes);
  if (!shape) throw new Error("The file holds no mesh.");
  if (shapes.length > 1) for (const part of shapes) part.dispose();
  shape.computeBoundingSphere();
  shape.computeBoundingBox();
  return shape;
}

/** Read a GLB with the colours and textures that it comes with. */
export async function readTextured(glb: ArrayBuffer): Promise<Exhibit> {
  const gltf = await parse(glb);
  let meshes = 0;
  gltf.scene.traverse((node) => {
    if (!(node instanceof Mesh)) return;
    meshes += 1;
    if (!node.geometry.getAttribute("normal")) node.geometry.computeVertexNormals();
  });
  if (meshes === 0) throw new Error("The file holds no mesh.");
  const bottom = new Box3().setFromObject(gltf.scene).min.y;
  return { object: gltf.scene, bottom, dispose: () => disposeOf(gltf) };
}

/** Read a GLB; what unpacks shapes is fetched with the first one that is packed. */
async function parse(glb: ArrayBuffer): Promise<GLTF> {
  if (!loader.dracoLoader && isPacked(glb)) {
    const { unpacker } = await import("./unpacker");
    loader.setDRACOLoader(unpacker());
  }
  return loader.parseAsync(glb, "");
}

function isPacked(glb: ArrayBuffer): boolean {
  if (glb.byteLength < HEADER_BYTES) return false;
  const length = new DataView(glb).getUint32(12, true);
  const text = new Uint8Array(glb, HEADER_BYTES, Math.min(length, glb.byteLength - HEADER_BYTES));
  return new TextDecoder().decode(text).includes(PACKED);
}

async function shapeOf(mesh: Mesh): Promise<BufferGeometry> {
  const source = mesh.geometry;
  const position = source.getAttribute("position");
  const positions = new Float32Array(position.count * 3);
  for (let i = 0; i < position.count; i += 1) {
    positions.set([position.getX(i), position.getY(i), position.getZ(i)], i * 3);
  }
  const index = source.index
    ? Uint32Array.from(source.index.array)
    : Uint32Array.from({ length: position.count }, (_, i) => i);
  const shape = new BufferGeometry();
  if (index.length / 3 <= MOST_CREASED_FACES) {
    const corners = await creasesOf(positions, index, CREASE_RADIANS);
    shape.setAttribute("position", new BufferAttribute(corners.positions, 3));
    shape.setAttribute("normal", new BufferAttribute(corners.normals, 3));
  } else {
    shape.setAttribute("position", new BufferAttribute(positions, 3));
    shape.setIndex(new BufferAttribute(index, 1));
    shape.computeVertexNormals();
  }
  return shape.applyMatrix4(mesh.matrixWorld);
}

function disposeOf(gltf: GLTF): void {
  gltf.scene.traverse((node: Object3D) => {
    if (!(node instanceof Mesh)) return;
    node.geometry.dispose();
    for (const material of [node.material].flat() as Material[]) {
      for (const value of Object.values(material)) if (isTexture(value)) disposeOfTexture(value);
      material.dispose();
    }
  });
}

function isTexture(value: unknown): value is Texture {
  return value !== null && typeof value === "object" && "isTexture" in value;
}

function disposeOfTexture(texture: Texture): void {
  const image: unknown = texture.source.data;
  if (typeof ImageBitmap !== "undefined" && image instanceof ImageBitmap) image.close();
  texture.dispose();
}
