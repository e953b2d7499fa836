import {
  type BufferGeometry,
  CircleGeometry,
  Color,
  DirectionalLight,
  EdgesGeometry,
  HemisphereLight,
  LineBasicMaterial,
  LineSegments,
  Mesh,
  MeshStandardMaterial,
  PerspectiveCamera,
  Scene,
} from "three";

const LOOKS = {
  dark: { shape: 0xb7bcc2, plate: 0x4a5057 },
  light: { shape: 0xb3bac2, plate: 0xb9c0c7 },
} as const;

/** Light, material and plate: the same for every shape. One mesh stands in it at a time, one draw after the other. */
export class Room {
  readonly scene = new Scene();
  readonly camera = new PerspectiveCamera(28, 1, 0.05, 30);
  readonly #material = new MeshStandardMaterial({ roughness: 0.85, metalness: 0 });
  readonly #mesh = new Mesh<BufferGeometry, MeshStandardMaterial>(undefined, this.#material);
  readonly #plate: LineSegments<EdgesGeometry, LineBasicMaterial>;
  readonly #empty = this.#mesh.geometry;

  constructor() {
    const disc = new CircleGeometry(0.72, 48);
    this.#plate = new LineSegments(new EdgesGeometry(disc), new LineBasicMaterial({ transparent: true }));
    disc.dispose();
    this.#plate.rotation.x = -Math.PI / 2;
    const key = new DirectionalLight(0xffffff, 2.1);
    key.position.set(-1.2, 1.6, 1);
    const fill = new DirectionalLight(0xdfe8f2, 0.5);
    fill.position.set(1.5, -0.3, 0.6);
    this.camera.add(key, key.target, fill, fill.target); // light moves with the eye: the same from every side
    this.scene.add(this.camera, new HemisphereLight(0xffffff, 0x6b7076, 1.1), this.#mesh, this.#plate);
    this.look("dark");
  }

  look(scheme: "dark" | "light"): void {
    this.#material.color = new Color(LOOKS[scheme].shape);
    this.#plate.material.color = new Color(LOOKS[scheme].plate);
  }

  /** Put a shape onto the plate, or take it away. */
  place(shape: BufferGeometry | null): void {
    this.#mesh.visible = shape !== null;
    this.#mesh.geometry = shape ?? this.#empty;
    this.#plate.position.y = shape?.boundingBox?.min.y ?? -0.5;
  }

  dispose(): void {
    this.#empty.dispose();
    this.#material.dispose();
    this.#plate.geometry.dispose();
    this.#plate.material.dispose();
  }
}
