import type { Adapter } from "./arguments.ts";
import { elementwise } from "./elementwise.ts";
import { linear, products } from "./linear.ts";
import { losses } from "./losses.ts";
import { masked } from "./masked.ts";
import { network } from "./networks.ts";
import { reductions } from "./reductions.ts";
import { creation, shapes } from "./shapes.ts";

/** How PyTorch's operators and their arguments are written with ours. */
export const adapters: Readonly<Record<string, Adapter>> = {
  ...elementwise,
  ...reductions,
  ...shapes,
  ...products,
  ...network,
  ...losses,
  ...masked,
  ...creation,
  ...linear,
};
