// Runs in an empty project into which the packed packages were installed: imports every entry point they have.
import { readFile } from "node:fs/promises";

for (const name of ["autograd", "nn", "datasets"]) {
  const manifest = JSON.parse(await readFile(`node_modules/@gradiente/${name}/package.json`, "utf8"));
  for (const [entry, target] of Object.entries(manifest.exports)) {
    if (entry.endsWith(".json") || entry.includes("*")) continue;
    const file = typeof target === "string" ? target : target.default;
    if (!file.startsWith("./dist/")) throw new Error(`${name}: ${entry} leads to ${file}, which is not built`);
    const specifier = `@gradiente/${name}${entry.slice(1)}`;
    try {
      const names = Object.keys(await import(specifier));
      if (names.length === 0) throw new Error(`${specifier} exports nothing`);
      console.log(`${specifier}: ${names.length} exports`);
    } catch (error) {
      const peers = Object.keys(manifest.peerDependenciesMeta ?? {});
      if (error.code !== "ERR_MODULE_NOT_FOUND" || !peers.some((peer) => error.message.includes(`'${peer}'`)))
        throw error;
      console.log(`${specifier}: needs an optional peer dependency`);
    }
  }
}

const { detectAnomaly, tensor } = await import("@gradiente/autograd");
const x = tensor([1, 2, 3], { requiresGrad: true });
x.square().sum().backward();
if (x.grad.data.join() !== "2,4,6") throw new Error(`the gradient is ${x.grad}`);

// The line that is named is the user's, not one within the package.
for (const fails of [() => tensor([-1]).sqrt(), () => tensor([0], { requiresGrad: true }).sqrt().sum().backward()]) {
  let message = "";
  try {
    detectAnomaly(fails);
  } catch (error) {
    message = error.message;
  }
  if (!/^sqrt: .*called at .*plain\.js:/.test(message)) throw new Error(`detectAnomaly says ${message}`);
}
