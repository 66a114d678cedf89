/** The pages that search engines may list where the installation is public. Everything else is for those who are led there. */
export const indexedPaths: readonly string[] = ['/', '/users/register/applicant'];
