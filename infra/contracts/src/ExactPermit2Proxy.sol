// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EIP2612Permit, Permit2Proxy, PermitTransferFrom} from "./Permit2Proxy.sol";

/// @title A stand-in for x402ExactPermit2Proxy: all of the permitted amount goes to the payee the payer signed.
/// @notice Anybody may settle. Functions, errors, events and their order are those of the published contract's ABI.
contract ExactPermit2Proxy is Permit2Proxy {
    struct Witness {
        address to;
        uint256 validAfter;
    }

    bytes32 public constant WITNESS_TYPEHASH = keccak256("Witness(address to,uint256 validAfter)");
    string public constant WITNESS_TYPE_STRING =
        "Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,uint256 validAfter)";

    error InvalidAmount();

    function settle(
        PermitTransferFrom calldata permit,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) external oneAtATime {
        _settle(permit, owner, witness, signature);
        emit Settled();
    }

    function settleWithPermit(
        EIP2612Permit calldata permit2612,
        PermitTransferFrom calldata permit,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) external oneAtATime {
        _approve(permit.permitted, owner, permit2612);
        _settle(permit, owner, witness, signature);
        emit SettledWithPermit();
    }

    function _settle(
        PermitTransferFrom calldata permit,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) private {
        require(permit.permitted.amount != 0, InvalidAmount());
        _pay(
            permit,
            Payment({
                amount: permit.permitted.amount,
                owner: owner,
                to: witness.to,
                validAfter: witness.validAfter,
                witness: keccak256(abi.encode(WITNESS_TYPEHASH, witness.to, witness.validAfter))
            }),
            WITNESS_TYPE_STRING,
            signature
        );
    }
}
