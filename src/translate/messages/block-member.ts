/** Member of a text part's `rest`: the block of several parts that it begins. */
export const blockMember = 'block'

/** Member of `rest` of the parts behind it, which were made of the same block. */
export const blockPartMember = 'partOfBlock'

/** The id within the envelope of a signature that belongs to a text. */
export const textSignatureId = 'text'

/** Stands in a request's `rest` beside the fields: a header is named like no field of the body. */
export const betaHeader = 'anthropic-beta'
