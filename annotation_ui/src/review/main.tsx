import { mountPage } from "../shell/page";
import { ReviewPage } from "./ReviewPage";

mountPage(<ReviewPage />);
