/** After how many minutes a session may be set to lock by itself, as the server has them. */
export const MINUTES: readonly number[] = [5, 10, 15, 30];
/** It does not. */
export const NEVER = 0;
