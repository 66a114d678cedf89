/** Who "we" are in the policies, and how to reach them; null where the installation does not say. */
export function OperatorNote({ name, contact }: { name: string | null; contact: string | null }) {
  return (
    <p>
      “We” means {name === null ? 'the operator of this site' : `${name}, the operator of this site`}.
      {contact === null ? null : (
        <>
          {' '}
          Contact: <OperatorContact contact={contact} />
        </>
      )}
    </p>
  );
}

/** A contact as it was configured; a link where it is an email or web address. */
export function OperatorContact({ contact }: { contact: string }) {
  const href = /^https?:\/\/\S+$/i.test(contact)
    ? contact
    : /^[^\s@:/?#&%]+@[^\s@:/?#&%]+$/.test(contact)
      ? `mailto:${contact}`
      : null;
  return href === null ? contact : <a href={href}>{contact}</a>;
}
