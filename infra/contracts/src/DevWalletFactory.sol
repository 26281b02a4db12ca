// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {DevWallet} from "./DevWallet.sol";

/// @title Deploys wallets at addresses known before (CREATE2), for chains that hold no money.
/// @notice The address follows from this factory, the owner and the salt. Creating a wallet again does nothing, so a
/// payment may bring its deployment along although somebody else was first.
contract DevWalletFactory {
    event WalletCreated(address indexed wallet, address indexed owner);

    function createWallet(address owner, uint256 salt) external returns (address wallet) {
        wallet = walletAddress(owner, salt);
        if (wallet.code.length > 0) return wallet;
        new DevWallet{salt: bytes32(salt)}(owner);
        emit WalletCreated(wallet, owner);
    }

    function walletAddress(address owner, uint256 salt) public view returns (address) {
        bytes32 codeHash = keccak256(abi.encodePacked(type(DevWallet).creationCode, abi.encode(owner)));
        return address(
            uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), salt, codeHash))))
        );
    }
}
