import { Text } from '@/components/ui/Heading';
import { Written } from '@/components/ui/Written';

/** What was typed into a field that is gone meanwhile; nothing where that is nothing. */
export function Typed({ children }: { children: string | undefined }) {
  if (!children) return null;
  return (
    <Text>
      <Written>{children}</Written>
    </Text>
  );
}
