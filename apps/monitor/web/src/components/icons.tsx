import type { ReactNode, SVGProps } from 'react';

/** Strokes on a grid of 24 by 24. */
const paths = {
  check: <path d="m5 12.5 4.5 4.5L19 7.5" />,
  checkCircle: (
    <>
      <circle cx="12" cy="12" r="9" />
      <path d="m8 12.5 3 3 5.5-6" />
    </>
  ),
  cross: <path d="M6 6l12 12M18 6 6 18" />,
  errorCircle: (
    <>
      <circle cx="12" cy="12" r="9" />
      <path d="M12 7v6M12 16.5v.01" />
    </>
  ),
  warning: (
    <>
      <path d="M12 3.5 2.5 20h19z" />
      <path d="M12 10v4.5M12 17.3v.01" />
    </>
  ),
  info: (
    <>
      <circle cx="12" cy="12" r="9" />
      <path d="M12 11v5.5M12 7.5v.01" />
    </>
  ),
  sync: (
    <>
      <path d="M20 11a8 8 0 0 0-14.3-4L4 9" />
      <path d="M4 4v5h5M4 13a8 8 0 0 0 14.3 4L20 15" />
      <path d="M20 20v-5h-5" />
    </>
  ),
  head: (
    <>
      <path d="M12 20V8M6.5 13 12 7.5l5.5 5.5" />
      <path d="M5 4h14" />
    </>
  ),
  play: <path d="M8 5.5v13l10.5-6.5z" />,
  hourglass: (
    <path d="M7 3.5h10M7 20.5h10M8 3.5c0 5 8 6 8 8.5s-8 3.5-8 8.5M16 3.5c0 5-8 6-8 8.5s8 3.5 8 8.5" />
  ),
  pause: <path d="M8.5 5v14M15.5 5v14" />,
  power: (
    <>
      <path d="M12 3v8" />
      <path d="M17.5 6.5a8 8 0 1 1-11 0" />
    </>
  ),
  eject: (
    <>
      <path d="M12 4.5 4.5 14h15z" />
      <path d="M5 19h14" />
    </>
  ),
  question: (
    <>
      <circle cx="12" cy="12" r="9" />
      <path d="M9.3 9.5a2.8 2.8 0 1 1 3.9 2.6c-.8.4-1.2.9-1.2 1.9M12 17v.01" />
    </>
  ),
  snow: <path d="M12 3v18M4.2 7.5l15.6 9M19.8 7.5l-15.6 9" />,
  shield: <path d="M12 3 5 6v5.5c0 4.5 3 7.8 7 9.5 4-1.7 7-5 7-9.5V6z" />,
  overview: <path d="M4 4h7v8H4zM13 4h7v5h-7zM13 12h7v8h-7zM4 15h7v5H4z" />,
  cpu: (
    <>
      <path d="M7 7h10v10H7z" />
      <path d="M10 7V3.5M14 7V3.5M10 20.5V17M14 20.5V17M7 10H3.5M7 14H3.5M20.5 10H17M20.5 14H17" />
    </>
  ),
  arrows: <path d="M4 8h15M15.5 4.5 19 8l-3.5 3.5M20 16H5M8.5 12.5 5 16l3.5 3.5" />,
  layers: (
    <>
      <path d="m12 3.5 9 4.8-9 4.8-9-4.8z" />
      <path d="m3.5 12.5 8.5 4.5 8.5-4.5M3.5 16.5l8.5 4.5 8.5-4.5" />
    </>
  ),
  server: (
    <>
      <path d="M4 4h16v7H4zM4 13h16v7H4z" />
      <path d="M7.5 7.5v.01M7.5 16.5v.01" />
    </>
  ),
  database: (
    <>
      <ellipse cx="12" cy="5.5" rx="7.5" ry="2.7" />
      <path d="M4.5 5.5v13c0 1.5 3.4 2.7 7.5 2.7s7.5-1.2 7.5-2.7v-13M4.5 12c0 1.5 3.4 2.7 7.5 2.7s7.5-1.2 7.5-2.7" />
    </>
  ),
  bell: (
    <>
      <path d="M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15z" />
      <path d="M10 20.5h4" />
    </>
  ),
  settings: (
    <>
      <path d="M4 7h9M17 7h3M4 17h3M11 17h9" />
      <circle cx="15" cy="7" r="2.2" />
      <circle cx="9" cy="17" r="2.2" />
    </>
  ),
  transfer: <path d="M8 20V5M4.5 8.5 8 5l3.5 3.5M16 4v15M12.5 15.5 16 19l3.5-3.5" />,
  search: (
    <>
      <circle cx="10.5" cy="10.5" r="6.5" />
      <path d="m15.5 15.5 5 5" />
    </>
  ),
  columns: <path d="M4 4.5h16v15H4zM9.5 4.5v15M14.5 4.5v15" />,
  filter: <path d="M4 5h16l-6 7.5V19l-4-2v-4.5z" />,
  plus: <path d="M12 5v14M5 12h14" />,
  pencil: <path d="M4 20l1-4.5L16 4.5l3.5 3.5L8.5 19z" />,
  trash: <path d="M4.5 6.5h15M9.5 6V4h5v2M6.5 6.5l1 13.5h9l1-13.5M10.5 10.5v6M13.5 10.5v6" />,
  copy: <path d="M8.5 8.5h11v11h-11zM15.5 8.5v-4h-11v11h4" />,
  up: <path d="m6 14.5 6-6 6 6" />,
  down: <path d="m6 9.5 6 6 6-6" />,
  right: <path d="m9.5 6 6 6-6 6" />,
  left: <path d="m14.5 6-6 6 6 6" />,
  sun: (
    <>
      <circle cx="12" cy="12" r="4" />
      <path d="M12 2.5v2.5M12 19v2.5M2.5 12H5M19 12h2.5M5.3 5.3 7 7M17 17l1.7 1.7M18.7 5.3 17 7M7 17l-1.7 1.7" />
    </>
  ),
  moon: <path d="M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z" />,
  menu: <path d="M4 6.5h16M4 12h16M4 17.5h16" />,
  more: <path d="M5.5 12v.01M12 12v.01M18.5 12v.01" />,
  link: (
    <path d="M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1" />
  ),
  unlink: (
    <>
      <path d="M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7" />
      <path d="m4 4 16 16" />
    </>
  ),
  logout: <path d="M14 4H5v16h9M10 12h10M16.5 8.5 20 12l-3.5 3.5" />,
  external: <path d="M13 4.5h6.5V11M19.5 4.5 11 13M17 14v5.5H4.5V7H10" />,
  clock: (
    <>
      <circle cx="12" cy="12" r="9" />
      <path d="M12 6.5V12l3.5 2.5" />
    </>
  ),
  download: <path d="M12 4v11M7 10.5l5 5 5-5M4.5 20h15" />,
  upload: <path d="M12 16V5M7 9.5l5-5 5 5M4.5 20h15" />,
  key: (
    <>
      <circle cx="8" cy="15.5" r="4" />
      <path d="m11 12.5 8.5-8.5M16 7.5l3 3" />
    </>
  ),
} satisfies Record<string, ReactNode>;

/** The icons there are. */
export type IconName = keyof typeof paths;

/** A drawn icon, the size of the text around it. It says nothing to screen readers: the word beside it does. */
export function Icon({
  name,
  size = '1.15em',
  ...rest
}: { name: IconName; size?: number | string } & Omit<SVGProps<SVGSVGElement>, 'name'>) {
  return (
    <svg
      viewBox="0 0 24 24"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      strokeWidth={2}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
      className="rb-icon"
      {...rest}
    >
      {paths[name]}
    </svg>
  );
}
