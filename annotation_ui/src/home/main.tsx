import { mountPage } from "../shell/page";
import { Home } from "./Home";

mountPage(<Home />);
