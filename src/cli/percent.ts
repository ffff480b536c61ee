/** A share of 0..1 in whole per cent. */
export const percent = (share: number): string =>
	share > 0 && share < 0.01 ? 'less than 1 %' : `${Math.round(share * 100)} %`;
