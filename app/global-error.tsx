'use client';

import { Failure } from '@/components/pages/Failure';
import './globals.css';

export default function GlobalErrorPage({ error, retry }: { error: unknown; retry: () => void }) {
  return (
    <html lang="en">
      <body>
        <title>Something went wrong</title>
        <Failure error={error} retry={retry} />
      </body>
    </html>
  );
}
