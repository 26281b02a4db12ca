export { type Anvil, type AnvilAccount, type AnvilOptions, startAnvil } from '@quittance/embedded';
