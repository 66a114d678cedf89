import { Button } from '@/components/ui/Button';
import { TextInput } from '@/components/inputs/TextInput';
import styles from './FilterForm.module.css';

/** Two days, both counted. It changes nothing, so it is sent by GET and its answer can be kept as a bookmark. */
export function PeriodForm({
  action,
  first,
  last,
  today,
}: {
  action: string;
  first: string;
  last: string;
  today: string;
}) {
  return (
    <form className={styles.plain} method="get" action={action} aria-label="Other days">
      <div className={styles.fields}>
        <TextInput label="From" name="first" type="date" defaultValue={first} max={today} required />
        <TextInput label="To" name="last" type="date" defaultValue={last} max={today} required />
      </div>
      <div className={styles.buttons}>
        <Button variant="secondary">Show these days</Button>
      </div>
    </form>
  );
}
