import { CircleGeometry, EdgesGeometry, LineBasicMaterial, LineSegments } from "three";
import type { Scheme } from "./hall";

const COLOURS = { dark: 0x4a5057, light: 0xb9c0c7 } as const;

/** The rim of the turntable's plate. */
export class Plate extends LineSegments<EdgesGeometry, LineBasicMaterial> {
  constructor() {
    const disc = new CircleGeometry(0.72, 48);
    super(new EdgesGeometry(disc), new LineBasicMaterial({ transparent: true }));
    disc.dispose();
    this.rotation.x = -Math.PI / 2;
  }

  look(scheme: Scheme): void {
    this.material.color.setHex(COLOURS[scheme]);
  }

  dispose(): void {
    this.geometry.dispose();
    this.material.dispose();
  }
}
