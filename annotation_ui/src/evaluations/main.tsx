import { mountPage } from "../shell/page";
import { EvaluationsPage } from "./EvaluationsPage";

mountPage(<EvaluationsPage />);
