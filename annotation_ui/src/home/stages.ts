/** A kind of judgement as the home page shows it. */
export interface StageCard {
  key: "mask" | "selection" | "artist" | "alignment" | "evaluation";
  label: string;
  task: string;
  whenEmpty: string;
  roles: readonly string[];
  /** Where the work is done. */
  page?: string;
}

const STAGES: readonly StageCard[] = [
  {
    key: "mask",
    label: "Stage 1",
    task: "Check masks",
    whenEmpty: "No proposed masks. They appear when photographs are imported.",
    roles: ["annotator", "reviewer"],
    page: "/masks/",
  },
  {
    key: "selection",
    label: "Stage 2",
    task: "Pick the best shape",
    whenEmpty: "No candidates yet. They appear as the generators finish.",
    roles: ["annotator", "reviewer"],
    page: "/selection/",
  },
  {
    key: "alignment",
    label: "Stage 3",
    task: "Place it in the scene",
    whenEmpty: "Nothing to place. Shapes arrive here once they pass the bar.",
    roles: ["annotator", "reviewer"],
    page: "/alignment/",
  },
  {
    key: "evaluation",
    label: "Evaluation",
    task: "Vote between models",
    whenEmpty: "No votes wanted. They are when engineers compare models.",
    roles: ["annotator"],
    page: "/voting/",
  },
  {
    key: "artist",
    label: "Stage 2.5",
    task: "Model hard cases",
    whenEmpty: "No open jobs. Cases arrive when no generator solves them.",
    roles: ["artist", "reviewer"],
  },
];

/** The stages that a person with these roles takes part in; admins and engineers see them all. */
export function visibleStages(roles: readonly string[]): StageCard[] {
  const all = roles.includes("admin") || roles.includes("ml_engineer");
  return STAGES.filter((stage) => all || stage.roles.some((role) => roles.includes(role)));
}

/** What a stage is called where there is little room. */
export function labelOf(key: string): string {
  return STAGES.find((stage) => stage.key === key)?.label ?? key;
}
