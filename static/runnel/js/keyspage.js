// The page of all keys.

import { byId } from "./dom.js";
import { keySections } from "./keylist.js";

byId("keys").replaceChildren(...keySections("h2"));
