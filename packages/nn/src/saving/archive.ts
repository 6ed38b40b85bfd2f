/** Names of the files in a `.keras` archive. */
export const archive = { metadata: "metadata.json", config: "config.json", weights: "model.weights.h5" } as const;
