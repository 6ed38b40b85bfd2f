/** Fashion-MNIST, or what stands in for it. */
import { DataUnavailableError, fashionMnist, type ImageSet, syntheticFashion } from "@gradiente/datasets";

/** What the places are called in which the images can have been found. */
const PLACES: Readonly<Record<ImageSet["source"]["kind"], string>> = {
  directory: "Fashion-MNIST, from the folder given,",
  GRADIENTE_DATA: "Fashion-MNIST, from GRADIENTE_DATA,",
  cache: "Fashion-MNIST, from the cache,",
  download: "Fashion-MNIST, downloaded from",
  synthetic: "drawn garments (not Fashion-MNIST), in",
};

/**
 * Looks for Fashion-MNIST, and draws garments where it is nowhere to be had, saying so.
 * @param say called with each line for the reader.
 */
export async function loadGarments(options: {
  readonly directory: string | undefined;
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Download nothing, and draw few. */
  readonly quick?: boolean;
  readonly say: (line: string) => void;
}): Promise<ImageSet> {
  const { directory, seed, signal, quick = false, say } = options;
  const images = await fashionMnist({ directory, signal, download: !quick }).catch((error: unknown) => {
    if (!(error instanceof DataUnavailableError)) throw error;
    say("Fashion-MNIST is not here and could not be downloaded. What was tried:");
    for (const { place, reason } of error.tried) say(`  - ${place}: ${reason}`);
    say("So the network is trained on drawn garments instead: the same ten classes and sizes, but not the same");
    say("images, so that the results cannot be compared with those for Fashion-MNIST.");
    return syntheticFashion({ seed, ...(quick && { train: 1200, test: 300 }) });
  });
  say(`Data: ${PLACES[images.source.kind]} ${images.source.location}`);
  return images;
}
