import { mountPage } from "../shell/page";
import { CurriculumPage } from "./CurriculumPage";

mountPage(<CurriculumPage />);
