import { render } from "preact";
import { App } from "./app";
import { listenToRoute } from "./state/route";
import { City } from "./state/city";
import "./styles/fonts.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/pages.css";

const city = new City();
listenToRoute();
city.start();
render(<App city={city} />, document.getElementById("app") as HTMLElement);
