/** The watchtower. */
export function Logo({ size }: { size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="currentColor" aria-hidden="true">
      <path d="M12 1.6 4.6 5.4h14.8zM6.2 6.6h11.6l-.9 4.6H7.1zm2.1 5.8h7.4l2.4 10h-2.7l-.7-3.2H9.3l-.7 3.2H5.9zm1.9 2.2-.6 2.4h4.8l-.6-2.4z" />
    </svg>
  );
}
