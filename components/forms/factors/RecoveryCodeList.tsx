import { LinkButton } from '@/components/ui/LinkButton';
import { PrintButton } from '@/components/ui/PrintButton';
import styles from './RecoveryCodeList.module.css';

/** New recovery codes, to be printed, downloaded or copied. */
export function RecoveryCodeList({ codes }: { codes: string[] }) {
  const file = `Recovery codes. Each works once, after your password.\n\n${codes.join('\n')}\n`;
  return (
    <>
      <ul className={styles.codes} data-recovery-codes>
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <div className={styles.row}>
        <LinkButton
          href={`data:text/plain;charset=utf-8,${encodeURIComponent(file)}`}
          download="recovery-codes.txt"
        >
          Download
        </LinkButton>
        <PrintButton>Print</PrintButton>
      </div>
    </>
  );
}
