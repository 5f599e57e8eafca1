import { useMutation } from "@tanstack/react-query";
import { leaveFor } from "../lib/leave";

/** Goes to a provider, by what the server answers to `begin`. */
export function useProvider(
  begin: (provider: string) => Promise<{ url: string }>,
  onError?: (error: unknown, again: () => void) => void,
) {
  const go = useMutation({
    mutationFn: begin,
    onSuccess: ({ url }) => leaveFor(url),
    onError: (error, provider) => onError?.(error, () => go.mutate(provider)),
  });
  return go;
}
